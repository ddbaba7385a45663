-- A call that takes its time, such as an upload, says that it is alive.
update pending_ad_changes
set lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
where id = :change_id and fencing_token = :fencing_token and status = 'executing' and lease_until > clock_timestamp()
returning id
