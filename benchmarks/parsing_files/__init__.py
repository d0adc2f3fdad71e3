"""The files that parsing is measured on, and how each system reads them."""
