-- The probe ended without a call, so the next change may be the probe.
update breakers set state = 'open', retry_real = clock_timestamp() where account_id = :account_id and state = 'half_open'
