-- Give a change back to the queue: a deferral, a retry, or an outcome still to be read back.
update pending_ad_changes
set status = :status,
    not_before = :not_before,
    failures = failures + :failed,
    deferrals = deferrals + :deferred,
    wait_reason = :reason,
    worker = null, lease_until = null
where id = :change_id and fencing_token = :fencing_token and status in ('claimed', 'executing')
  and lease_until > clock_timestamp()
returning id
