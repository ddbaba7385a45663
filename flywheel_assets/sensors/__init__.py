"""Sensors: they notice and ask for runs; what is decided is decided in the domain code they call."""

from flywheel_assets.sensors.delivery import ad_change_queue
from flywheel_assets.sensors.intake import uploads
from flywheel_assets.sensors.loops import creative_refresh, hubspot_events
from flywheel_assets.sensors.notices import alerts
from flywheel_assets.sensors.requests import video_requests

SENSORS = [uploads, video_requests, ad_change_queue, hubspot_events, creative_refresh, alerts]
