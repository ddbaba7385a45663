-- Exclusive: account-level writes are counted under the account's own row.
select mode, frozen, frozen_reason, config from accounts where account_id = :account_id for no key update
