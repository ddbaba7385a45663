-- The end of a change, whichever it is.
update pending_ad_changes
set status = :status, finished_at = flywheel_now(), wait_reason = :reason, failures = failures + :failed, lease_until = null
where id = :change_id and fencing_token = :fencing_token and status in ('claimed', 'executing')
  and lease_until > clock_timestamp()
returning id
