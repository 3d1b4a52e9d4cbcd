"""The browser: route, project, HTML, and the same page as JSON."""
