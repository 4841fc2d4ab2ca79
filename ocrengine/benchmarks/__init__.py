"""What reading costs and how well it is done; imports the engine, and nothing imports this."""
