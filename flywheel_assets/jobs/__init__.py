"""Jobs: which assets run together. A job never mixes two partition sets."""

import dagster as dg

# Everything from the raw video to the queued campaign, for one creative request.
creative_generation = dg.define_asset_job(
    "creative_generation",
    selection=dg.AssetSelection.groups("creative"),
    description="One raw video becomes approved, rendered and queued ad variations.",
)

# The queue is the retry: a run that failed half-way must not be started again by Dagster.
drain_ad_changes = dg.define_asset_job(
    "drain_ad_changes",
    selection=dg.AssetSelection.groups("delivery"),
    description="Sees every due change through the safe executor, then refreshes the view of what is at the platform.",
    tags={"dagster/max_retries": "0"},
)

revenue_feedback = dg.define_asset_job(
    "revenue_feedback",
    selection=dg.AssetSelection.groups("revenue"),
    description="Deal stages become a ledger, the ledger is attributed to ads, the ads' feedback reaches the sampler.",
)

hourly_sampling = dg.define_asset_job(
    "hourly_sampling",
    selection=dg.AssetSelection.groups("budget"),
    description="One closed hour: what was delivered, whether spend is in order, what is known, decided and queued.",
)

nightly_restatement = dg.define_asset_job(
    "nightly_restatement",
    selection=dg.AssetSelection.assets("ad_insights"),
    description="Reads the last weeks of insights again: the platform restates them as late conversions come in.",
)

hourly_learning = dg.define_asset_job(
    "hourly_learning",
    selection=dg.AssetSelection.groups("learning"),
    description="The seven learning loops for one closed hour.",
)

JOBS = [
    creative_generation,
    drain_ad_changes,
    revenue_feedback,
    hourly_sampling,
    nightly_restatement,
    hourly_learning,
]
