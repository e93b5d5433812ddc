"""Maps drawn on the server: SVG, PNG, and folium for reports."""
