"""The shared edge: parameters, problems, caching, security, pages."""
