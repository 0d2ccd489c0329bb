"""What a reader sees: claims in words, charts, tables, and the page that puts them together."""
