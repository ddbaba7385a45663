-- A change that has landed: audit, object, queue and breaker say so together. Without our claim on it,
-- or without its audit row, nothing comes back, and whoever asked takes back the rest.
drop function if exists land(uuid, bigint, bigint, text, text, text, text, text, bigint, jsonb, text);
create function land(
  the_change uuid, token bigint, the_attempt bigint, ended_as text, the_remote_id text, new_id text,
  the_object text, new_status text, new_budget_minor bigint, new_fields jsonb, the_account text
)
returns uuid
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  moment timestamptz := flywheel_now();
begin
  update ad_change_history
  set status = ended_as,
      remote_id = coalesce(the_remote_id, remote_id),
      actual_budget = target_budget,
      finished_at = moment,
      finished_real = clock_timestamp()
  where id = the_attempt;
  if not found then
    return null;
  end if;
  update ad_objects
  set remote_id = coalesce(new_id, remote_id),
      status = coalesce(new_status, status),
      -- what the platform showed before our write says nothing about after it
      effective_status = case when new_status is null then effective_status end,
      daily_budget = coalesce(new_budget_minor, daily_budget),
      known = known || new_fields,
      drift = nullif(
        coalesce(drift, '{}')
          - case when new_budget_minor is null then '' else 'daily_budget' end
          - case when new_status is null then '' else 'status' end,
        '{}'
      ),
      observed_at = moment
  where ref = the_object;
  update breakers set state = 'closed', failures = 0, retry_real = null
  where account_id = the_account and (state <> 'closed' or failures > 0);
  update pending_ad_changes
  set status = 'applied', finished_at = moment, wait_reason = null, lease_until = null
  where id = the_change
    and fencing_token = token
    and status in ('claimed', 'executing')
    and lease_until > clock_timestamp();
  return case when found then the_change end;
end
$$;
