"""Two runs set side by side: which tests may be compared, and whether predictions became worse."""
