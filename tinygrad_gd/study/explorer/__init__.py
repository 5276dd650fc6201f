"""The explorer: a graph as one offline page, to step through, and whose leaves can be dragged.

`page` puts it together and is what people hold; `data` says what is shown, as versioned JSON;
`picture` is all that is known here of how graphs are drawn: an SVG and which of its elements is what.
`javascript` writes the captured program of the graph, forward and backward, as JavaScript, so that
every value and gradient moves with a leaf. ``explorer.js`` is shared by all pages, ``graph.js`` is the
explorer's own, ``explorer.css`` the looks of both.

Surprises here
--------------
- The page may run nothing but the script that it was made with: its policy holds that script's hash.
- Deep links are written in try and catch: a sandboxed frame, as in notebooks, forbids to change the
  address, by an error.
- The picture is laid out beforehand. Numbers in it are found by the text that was drawn, and replaced.
"""
