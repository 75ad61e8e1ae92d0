"""The API for programs that know CartRover's. Source: CartRover reference, section 1."""
