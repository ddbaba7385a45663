"""From a deal in the CRM to money attributed to an ad.

Events are stored before anybody looks at them (`inbox`), stage changes are collected and lost ones
found again (`collect`, `reconcile`), the ledger values them (`ledger`), attribution says which ad
they came from (`attribution`), and feedback hands the product to the sampler and the learning
loops (`feedback`). What stands in the way is a row in ``revenue_problems``.
"""
