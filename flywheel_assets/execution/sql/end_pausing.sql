-- Spend is stopped once no safety pause of a campaign that exists is open any more; from then on the
-- freeze lets nothing through. One that is still to be made cannot be made while frozen.
update accounts as account
set pausing = false
where account.pausing
  and account.world = current_setting('flywheel.world')
  and not exists (
    select from pending_ad_changes as pause
    join ad_objects as paused on paused.ref = pause.object_ref and paused.remote_id is not null
    where pause.account_id = account.account_id
      and pause.lane = 2
      and pause.status in ('pending', 'claimed', 'executing', 'unknown')
  )
  -- an activation that nobody answered may still land, and is paused again then
  and not exists (
    select from pending_ad_changes as unanswered
    where unanswered.account_id = account.account_id
      and unanswered.change_type = 'set_status'
      and unanswered.status in ('executing', 'unknown')
  )
