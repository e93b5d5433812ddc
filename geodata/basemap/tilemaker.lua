-- From OpenStreetMap to the OpenMapTiles schema (https://openmaptiles.org/schema, CC-BY 4.0), for
-- tilemaker 3: what a calm base map under local initiatives needs, with names in French.
-- Shops and other points of interest are left out on purpose.

local function set(words)
    local found = {}
    for word in words:gmatch("%S+") do found[word] = true end
    return found
end

node_keys = { "place", "aeroway", "railway" }
way_keys = { "aeroway", "boundary", "building", "highway", "landuse", "leisure", "man_made",
    "natural", "railway", "route", "waterway", "amenity", "addr:housenumber" }

-- Class by tag, and the first zoom that shows it.
local ROADS = {
    motorway = { "motorway", 4 }, trunk = { "trunk", 5 }, primary = { "primary", 7 },
    secondary = { "secondary", 9 }, tertiary = { "tertiary", 10 },
    unclassified = { "minor", 12 }, residential = { "minor", 12 }, living_street = { "minor", 12 },
    road = { "minor", 12 }, service = { "service", 13 }, track = { "track", 13 },
    pedestrian = { "path", 13 }, footway = { "path", 14 }, steps = { "path", 14 },
    path = { "path", 14 }, cycleway = { "path", 14 }, bridleway = { "path", 14 },
}
local LINK_FROM = 11
local RAILS = {
    rail = { "rail", 8 }, narrow_gauge = { "rail", 9 }, light_rail = { "transit", 11 },
    subway = { "transit", 13 }, tram = { "transit", 13 }, monorail = { "transit", 13 },
    funicular = { "transit", 13 },
}
local LANDCOVER = {
    wood = "wood", forest = "wood", wetland = "wetland", beach = "sand", sand = "sand",
    farmland = "farmland", orchard = "farmland", vineyard = "farmland",
    plant_nursery = "farmland", glacier = "ice", bare_rock = "rock", scree = "rock",
    grassland = "grass", grass = "grass", meadow = "grass", scrub = "grass", heath = "grass",
    allotments = "grass", park = "grass", village_green = "grass", recreation_ground = "grass",
    garden = "grass", golf_course = "grass",
}
local LANDUSE = set("residential commercial industrial retail railway quarry cemetery military " ..
    "school university college hospital stadium pitch")
local PLACES = {
    country = 0, state = 4, city = 5, town = 7, village = 9, suburb = 11, quarter = 12,
    hamlet = 12, neighbourhood = 13, island = 10,
}
local WATERWAYS = { river = 9, canal = 10, stream = 13, ditch = 14, drain = 14 }
local WATER_AREAS = set("reservoir basin")
-- Square metres of water that has a name of its own on the map; fountains are smaller.
local NAMED_LAKE = 3000
-- Metres of a pixel at zoom 0, of tiles of 256 pixels.
local PIXEL_AT_0 = 156543.0

local coastlines = 0

-- The first zoom at which an area is a few pixels wide.
local function from_area(least)
    local side = math.sqrt(math.abs(Area()))
    local zoom = math.ceil(math.log(PIXEL_AT_0 * 5 / math.max(side, 1)) / math.log(2))
    return math.max(least, math.min(14, zoom))
end

local function name()
    local french = Find("name:fr")
    return french ~= "" and french or Find("name")
end

local function write_name()
    Attribute("name", name())
    local here = Find("name")
    if here ~= name() then Attribute("name_int", here) end
end

local function brunnel()
    if Find("bridge") ~= "" and Find("bridge") ~= "no" then Attribute("brunnel", "bridge")
    elseif Find("tunnel") ~= "" and Find("tunnel") ~= "no" then Attribute("brunnel", "tunnel") end
end

function init_function() end

-- `basemap build` reads this line: where there is a coast, there must be sea.
function exit_function()
    io.stderr:write("mapservice coastlines: " .. coastlines .. "\n")
end

local function rank_of(place, people)
    if place == "country" then
        return people > 50e6 and 1 or people > 20e6 and 2 or 3
    end
    local steps = { 3e6, 1e6, 5e5, 2e5, 1e5, 75e3, 5e4, 25e3, 1e4 }
    for rank, least in ipairs(steps) do
        if people > least then return rank end
    end
    return 10
end

function node_function()
    local place = Find("place")
    if PLACES[place] and name() ~= "" then
        local people = tonumber(Find("population")) or 0
        local first = PLACES[place]
        if place == "village" and people < 2000 then first = 10 end
        Layer("place", false)
        MinZoom(first)
        Attribute("class", place)
        AttributeNumeric("rank", rank_of(place, people))
        local capital = Find("capital")
        if capital == "yes" then capital = "2" end
        if tonumber(capital) then AttributeNumeric("capital", tonumber(capital)) end
        write_name()
    end
    if (Find("railway") == "station" or Find("railway") == "halt") and name() ~= "" then
        Layer("poi", false)
        Attribute("class", "railway")
        Attribute("subclass", Find("railway"))
        AttributeNumeric("rank", 1)
        write_name()
    end
    if Find("aeroway") == "aerodrome" and Find("iata") ~= "" then
        Layer("aerodrome_label", false)
        Attribute("class", "international")
        Attribute("iata", Find("iata"))
        write_name()
    end
end

function relation_scan_function()
    if Find("type") == "boundary" and Find("boundary") == "administrative" then Accept() end
end

local function boundary()
    local level = Find("boundary") == "administrative" and tonumber(Find("admin_level")) or 11
    while true do
        local relation = NextRelation()
        if not relation then break end
        level = math.min(level, tonumber(FindInRelation("admin_level")) or 11)
    end
    if level ~= 2 and level ~= 4 then return end
    Layer("boundary", false)
    AttributeNumeric("admin_level", level)
    AttributeNumeric("maritime", Find("maritime") == "yes" and 1 or 0)
    AttributeNumeric("disputed", Find("disputed") == "yes" and 1 or 0)
    MinZoom(level == 2 and 0 or 4)
end

local function road(highway)
    local plain = highway:match("^(%a+)_link$")
    local found = ROADS[plain or highway]
    if not found or Find("area") == "yes" and highway ~= "pedestrian" then return end
    local class, first = found[1], found[2]
    if plain then first = math.max(first, LINK_FROM) end
    local is_area = highway == "pedestrian" and IsClosed() and Find("area") == "yes"
    Layer("transportation", is_area)
    MinZoom(first)
    Attribute("class", class)
    if class == "path" then Attribute("subclass", highway) end
    if plain then AttributeNumeric("ramp", 1) end
    if highway == "service" and Find("service") ~= "" then Attribute("service", Find("service")) end
    brunnel()
    ZOrder(20 - first)
    if name() ~= "" and not is_area then
        Layer("transportation_name", false)
        MinZoom(math.max(first, class == "motorway" and 10 or 12))
        Attribute("class", class)
        if class == "path" then Attribute("subclass", highway) end
        write_name()
        if Find("ref") ~= "" then Attribute("ref", Find("ref")) end
    end
end

local function rail(railway)
    local found = RAILS[railway]
    if not found then return end
    Layer("transportation", false)
    Attribute("class", found[1])
    Attribute("subclass", railway)
    local service = Find("service")
    if service ~= "" then Attribute("service", service) end
    MinZoom(service ~= "" and 13 or found[2])
    brunnel()
end

local function water()
    local waterway, natural = Find("waterway"), Find("natural")
    local is_area = IsClosed() and (natural == "water" or waterway == "riverbank"
        or waterway == "dock" or WATER_AREAS[Find("landuse")])
    if is_area and Find("covered") ~= "yes" then
        local kind = Find("water")
        local class = (waterway == "riverbank" or kind == "river" or kind == "canal") and "river"
            or waterway == "dock" and "dock" or "lake"
        Layer("water", true)
        Attribute("class", class)
        MinZoom(from_area(4))
        if name() ~= "" and class == "lake" and Area() > NAMED_LAKE then
            LayerAsCentroid("water_name")
            Attribute("class", "lake")
            write_name()
            MinZoom(from_area(9))
        end
    elseif WATERWAYS[waterway] then
        local named = name() ~= ""
        local first = WATERWAYS[waterway]
        Layer("waterway", false)
        Attribute("class", waterway)
        MinZoom(named and first or math.max(first, 12))
        if named then write_name() end
        brunnel()
    end
    return is_area
end

local function land()
    local leisure = Find("leisure")
    local kind = Find("landuse")
    if kind == "" then kind = Find("natural") end
    if kind == "" then kind = leisure end
    if kind == "" then kind = Find("amenity") end
    if LANDCOVER[kind] then
        Layer("landcover", true)
        Attribute("class", LANDCOVER[kind])
        Attribute("subclass", kind)
        MinZoom(from_area(7))
    elseif LANDUSE[kind] then
        Layer("landuse", true)
        Attribute("class", kind)
        MinZoom(from_area(8))
    end
end

function way_function()
    if Find("natural") == "coastline" then coastlines = coastlines + 1 end
    boundary()
    local highway, railway, aeroway = Find("highway"), Find("railway"), Find("aeroway")
    if highway ~= "" then road(highway) end
    if railway ~= "" then rail(railway) end
    if Find("route") == "ferry" then
        Layer("transportation", false)
        Attribute("class", "ferry")
        MinZoom(9)
    end
    if Find("man_made") == "pier" then
        Layer("transportation", IsClosed())
        Attribute("class", "pier")
        MinZoom(12)
    end
    if aeroway == "runway" or aeroway == "taxiway" then
        Layer("aeroway", IsClosed())
        Attribute("class", aeroway)
    end
    local is_water = water()
    if not IsClosed() then return end
    if not is_water then land() end
    local building = Find("building")
    if building ~= "" and building ~= "no" then
        Layer("building", true)
        MinZoom(from_area(13))
    end
    if Find("addr:housenumber") ~= "" then
        LayerAsCentroid("housenumber")
        Attribute("housenumber", Find("addr:housenumber"))
    end
end

-- Of the sea's polygons nothing is kept but that they are sea.
function attribute_function()
    return { class = "ocean" }
end
