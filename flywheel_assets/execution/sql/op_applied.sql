-- A change with the attempt that took effect, the object it is about, the undo of it that is open or took
-- effect, and a later change of the same kind to the same object that did, unless it is of the plan :within.
select
  change.id, change.status, change.change_type, change.object_ref, change.campaign_ref, change.account_id,
  change.currency, change.reasoning, change.spec,
  attempt.previous_budget, attempt.previous, attempt.actual_budget, attempt.finished_at,
  object.tag, object.daily_budget,
  undo.id as undone_by, undo.status as undone_status,
  later.change_id as later_id, later.finished_at as later_at,
  (
    select count(*) from pending_ad_changes as failed
    where failed.undo_of = change.id and failed.status in ('rejected', 'expired', 'superseded', 'cancelled', 'dead', 'observed')
  ) as failed_undos
from pending_ad_changes as change
join ad_objects as object on object.ref = change.object_ref
left join ad_change_history as attempt
  on attempt.change_id = change.id and attempt.status in ('applied', 'reconciled')
left join lateral (
  select taken.id, taken.status
  from pending_ad_changes as taken
  where taken.undo_of = change.id
    and taken.status not in ('rejected', 'expired', 'superseded', 'cancelled', 'dead', 'observed')
  limit 1
) as undo on true
left join lateral (
  select newer.change_id, newer.finished_at
  from ad_change_history as newer
  join pending_ad_changes as its on its.id = newer.change_id
  where newer.object_ref = change.object_ref
    and newer.change_type = change.change_type
    and newer.status in ('applied', 'reconciled')
    and newer.id > attempt.id
    and its.plan_digest is distinct from :within
    -- a later change that was taken back, and what took it back, stand for nothing any more
    and not (its.undo_of is not null and its.undo_of <> change.id and exists (
      select from pending_ad_changes as undone where undone.id = its.undo_of and undone.seq > change.seq
    ))
    and not exists (
      select from pending_ad_changes as back where back.undo_of = its.id and back.status = 'applied'
    )
  order by newer.id desc
  limit 1
) as later on true
where change.world = current_setting('flywheel.world')
  and (change.id = :change_id or change.plan_digest = :within and change.status = 'applied')
order by attempt.id desc
