"""Idempotency-Key on POST (draft-ietf-httpapi-idempotency-key-header-07): a retry makes nothing twice.

The key, a fingerprint of the body and the answer are written in the transaction of the insert, so that they are
there if and only if the task is.
"""
