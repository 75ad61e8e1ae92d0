"""An example to begin a connector with: copy the folder, give the copy the name of the new kind, and change file by file.

It connects an imaginary shop, which hands out its orders as CSV exports over HTTP and takes tracking as CSV uploads. It is
whole: a copy passes the contract suite. See docs/adding-a-connector.md.
"""
