"""The twin of HubSpot's CRM: deals that move while time passes, their history, and signed webhooks."""
