-- Shared: many campaigns of an account may act at once, but a freeze waits for them and they for it.
select mode, frozen, frozen_reason, config from accounts where account_id = :account_id for share
