"""The report as one page that opens offline: tables, heatmaps to click, and the examples behind."""
