"""What grids and reports share: words, colours, fonts, paths and matrices."""
