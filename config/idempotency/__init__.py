"""Idempotency-Key on POST (draft-ietf-httpapi-idempotency-key-header-07): a retry creates nothing twice.

The key, a fingerprint of the body and the answer are written in the transaction of the insert: they exist if and only
if the new row does.
"""
