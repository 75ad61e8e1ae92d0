"""The portal's pages about orders."""
