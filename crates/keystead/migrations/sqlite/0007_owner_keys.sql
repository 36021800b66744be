-- Another key for an organization: it lies beside the one in use until everything is wrapped by it. The same
-- column is in ../postgres. Covered when it is set.
ALTER TABLE organizations ADD COLUMN next_key_record BLOB;
