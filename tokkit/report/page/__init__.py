"""Pages of one family: one HTML file each, no network, no dates, the same bytes again.

Read `rendering` (`Page`, and `render`), then what sections become: `tables`, `charts` over
`scales`, and the small pieces of `markup`. `assets` reads styles and scripts; colours and themes
are in `styles/colors.css`.
"""
