-- The change is under way and its audit row says so, in one statement: neither is there without the
-- other. The lease starts anew with the call: what went before may have taken its time.
-- A function, so that it is planned once and not with every call.
drop function if exists write_intent(uuid, interval, text, text, bigint, bigint, jsonb, jsonb, timestamptz);
create function write_intent(
  the_change uuid, lease interval, counted_by text, the_remote_id text,
  previous_minor bigint, target_minor bigint, why_adjusted jsonb, shown jsonb, moment timestamptz
)
returns bigint
language sql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
  with ours as (
    update pending_ad_changes
    set status = 'executing', target_budget = target_minor, wait_reason = null, lease_until = clock_timestamp() + lease
    where id = the_change
    returning *
  )
  insert into ad_change_history (
    change_id, attempt, world, account_id, campaign_ref, object_ref, remote_id, change_type, scope, worker, status,
    requested_budget, previous_budget, target_budget, currency, reasoning, adjustments, previous, started_at
  )
  select
    ours.id,
    1 + (select count(*) from ad_change_history as earlier where earlier.change_id = ours.id),
    ours.world, ours.account_id, ours.campaign_ref, ours.object_ref, the_remote_id, ours.change_type, counted_by,
    ours.worker, 'executing',
    ours.new_budget, previous_minor, target_minor, ours.currency, ours.reasoning,
    why_adjusted, shown, moment
  from ours
  returning id
$$;
