"""What the internet reaches of an installation: HubSpot's webhook, clicks, health. Nothing here calls a platform."""
