"""Node.js: what a package.json and its lock say."""
