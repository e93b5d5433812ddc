-- wrk -s mix.lua URL -- FILE [Name: value]…: asks for the paths of FILE in turn, then tells one
-- line of JSON. `refused` counts statuses from 400 on, `broken` what never came.
local paths, place = {}, 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        paths[#paths + 1] = line
    end
    for i = 2, #arguments do
        local name, value = arguments[i]:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end
end

function request()
    place = place % #paths + 1
    return wrk.format("GET", paths[place])
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99), errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
