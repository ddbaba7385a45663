-- A person's budget becomes the one we know; what stood before counts in the velocity window from when it was
-- found. 0 says that the object owns none any more: its campaign pays, or its ad sets do.
with known as (
  select ref, daily_budget from ad_objects where ref = :ref and coalesce(daily_budget, 0) <> :theirs for no key update
), noted as (
  insert into budget_edits (object_ref, ours, theirs, found_at)
  select ref, daily_budget, :theirs, coalesce(cast(:found_at as timestamptz), flywheel_now())
  from known
  where daily_budget is not null
)
update ad_objects as object
set daily_budget = nullif(:theirs, 0), drift = nullif(object.drift - 'daily_budget', '{}'), observed_at = flywheel_now()
from known
where object.ref = known.ref
