"""What each idea of Glow buys, measured by training small models that differ in it."""
