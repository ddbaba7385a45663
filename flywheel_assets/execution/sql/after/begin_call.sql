-- Everything a decision stands on, under the locks that the intent will be written under: the account,
-- then the campaign whose actions are counted, then the clock, then whether the claim is still ours.
-- One function and not six questions, because each trip to the database costs more than its answer;
-- every statement in it still sees what was committed before its lock was won.
-- Dropped first: what a function returns cannot be replaced.
drop function if exists begin_call(uuid, bigint, boolean, interval);
create function begin_call(the_change uuid, token bigint, alone boolean, the_window interval)
returns table (
  mode text, frozen boolean, frozen_reason text, pausing boolean, config jsonb,
  moment timestamptz, held boolean, newer uuid, finishes timestamptz[],
  object_kind text, object_status text, object_budget bigint, object_tag text, object_fields jsonb,
  expired boolean, unanswered boolean
)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  ours pending_ad_changes;
  by_campaign boolean;
begin
  select * into ours from pending_ad_changes where id = the_change;
  by_campaign := ours.change_type not in ('upload_video', 'upload_image', 'create_creative');
  -- Shared: many campaigns of an account may act at once, but a freeze waits for them and they for it.
  -- Alone: account-level writes and the daily cap are counted under the account's own row.
  if alone then
    select account.mode, account.frozen, account.frozen_reason, account.pausing, account.config
    into mode, frozen, frozen_reason, pausing, config
    from accounts as account where account.account_id = ours.account_id for no key update;
  else
    select account.mode, account.frozen, account.frozen_reason, account.pausing, account.config
    into mode, frozen, frozen_reason, pausing, config
    from accounts as account where account.account_id = ours.account_id for share;
  end if;
  if by_campaign then
    perform from ad_objects where ref = ours.campaign_ref for no key update;
  end if;
  moment := flywheel_now();
  perform from pending_ad_changes as change
  where change.id = the_change
    and change.fencing_token = token
    and change.status in ('claimed', 'executing')
    and change.lease_until > clock_timestamp()
  for no key update;
  held := found;
  -- A later change of the same kind to the same object that has been let go: this one must not follow it.
  select later.id into newer
  from pending_ad_changes as later
  where later.object_ref = ours.object_ref
    and later.change_type = ours.change_type
    and later.change_type like 'set\_%'
    and later.seq > ours.seq
    and later.status in ('pending', 'claimed', 'executing', 'unknown', 'applied')
    and (ours.lane < 2 or later.lane = 2)
  order by later.seq desc
  limit 1;
  -- Attempts that count now: unfinished ones, and those that finished inside the window. Counting by
  -- start would let a slow call land in the next hour unseen.
  if by_campaign then
    finishes := array(
      select attempt.finished_at from ad_change_history as attempt
      where attempt.campaign_ref = ours.campaign_ref
        and attempt.scope = 'campaign'
        and attempt.world = ours.world
        -- the action that is kept for a pause is not used up by its own tries that came to nothing
        and not (ours.lane = 2 and attempt.change_id = ours.id and attempt.status in ('failed', 'throttled', 'not_applied'))
        and (attempt.finished_at is null or attempt.finished_at > moment - the_window)
    );
  else
    finishes := array(
      select attempt.finished_at from ad_change_history as attempt
      where attempt.account_id = ours.account_id
        and attempt.scope = 'account'
        and attempt.world = ours.world
        and (attempt.finished_at is null or attempt.finished_at > moment - the_window)
    );
  end if;
  -- Our record of the object, as the last outcome left it.
  select object.kind, object.status, object.daily_budget, object.tag, object.known
  into object_kind, object_status, object_budget, object_tag, object_fields
  from ad_objects as object where object.ref = ours.object_ref;
  expired := coalesce(ours.expires_at <= moment, false);
  -- A call about this object whose outcome nobody knows: what the platform shows may not be the end of it.
  unanswered := exists (
    select from ad_change_history as attempt
    where attempt.object_ref = ours.object_ref
      and attempt.change_type = ours.change_type
      and attempt.finished_at is null
  );
  return next;
end
$$;
