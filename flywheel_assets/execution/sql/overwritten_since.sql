-- Whether a later call of the same kind about the same object took effect: then what it shows proves nothing of ours.
select exists (
  select from ad_change_history as ours
  join ad_change_history as later
    on later.object_ref = ours.object_ref and later.change_type = ours.change_type and later.id > ours.id
  where ours.id = :attempt_id and later.status in ('applied', 'reconciled')
)
