"""Pages that gather several rooms: home, list, initiative, territory, near me, search, sitemap."""
