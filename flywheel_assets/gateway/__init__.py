"""What the internet reaches of an installation: HubSpot's webhook, clicks, the API, health. Nothing here calls a platform."""
