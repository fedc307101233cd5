-- Remembers how far the history was trimmed, by whatever program: a client that keeps a copy and has not read a deletion
-- that was trimmed must start over.

CREATE OR REPLACE FUNCTION tasks_change_trim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks_trimmed AS so_far (id, change, transaction)
        SELECT 1, max(id), coalesce(max(deleted_in), 0)
          FROM removed HAVING count(*) > 0
        ON CONFLICT (id) DO UPDATE SET change = greatest(so_far.change, excluded.change),
                                       transaction = greatest(so_far.transaction, excluded.transaction);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_change_trimmed AFTER DELETE ON tasks_change
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION tasks_change_trim();
