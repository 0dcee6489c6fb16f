"""The demo: everything started on this machine, and a tour that checks what it promises."""
