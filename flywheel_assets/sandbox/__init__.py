"""The built-in twins of outside platforms, served over real HTTP. They share no code with our clients."""
