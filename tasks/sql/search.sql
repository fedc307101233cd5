-- The search: what of a task is indexed, and what a client searches for, both by tasks_words (text.sql).

-- The words of a task with their places. Between title and description one place stays empty, so that no phrase
-- reaches from one into the other. Bounds are those of PostgreSQL: 2 kB for a word, 16,383 for a place.
CREATE OR REPLACE FUNCTION tasks_search_vector(title text, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(left(word, 500) || ':' || least(place, 16383), ' '), '')::tsvector
      FROM unnest(string_to_array(tasks_words(title) || coalesce('  ' || tasks_words(description), ''), ' '))
           WITH ORDINALITY AS found (word, place)
     WHERE word <> ''
$$;

-- What a client searches for. A word matches from its beginning, "words in quotes" as a whole and one after the other,
-- as do words that something else than a blank joins (node.certs, ABC-123); - in front excludes; `or` between two is or.
CREATE OR REPLACE FUNCTION tasks_search_query(search text) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    WITH token AS (
        SELECT place, part[1] AS minus, part[2] AS content,
               part[1] = '' AND lower(part[2]) = 'or' AND place > 1
                   AND lead(place) OVER (ORDER BY place) IS NOT NULL AS is_or
          FROM regexp_matches(search, '(-?)("[^"]*"?|[^\s"]+)', 'g') WITH ORDINALITY AS found (part, place)
    ), term AS (
        SELECT place, is_or, minus, CASE WHEN NOT is_or THEN (
                   SELECT string_agg('''' || left(word, 500) || '''', ' <-> ' ORDER BY at)
                     FROM unnest(string_to_array(tasks_words(content), ' ')) WITH ORDINALITY AS words (word, at)
               ) || CASE WHEN content LIKE '"%' THEN '' ELSE ':*' END END AS phrase
          FROM token
    ), operand AS (
        SELECT place, minus, phrase, lag(is_or) OVER (ORDER BY place) AS after_or, is_or
          FROM term WHERE is_or OR phrase IS NOT NULL
    )
    SELECT coalesce(string_agg(
               CASE WHEN place = first THEN '' WHEN after_or THEN ' | ' ELSE ' & ' END
               || CASE minus WHEN '' THEN '(' ELSE '!(' END || phrase || ')', '' ORDER BY place), '')::tsquery
      FROM (SELECT *, min(place) OVER () AS first FROM operand WHERE NOT is_or) AS numbered
$$;

CREATE OR REPLACE FUNCTION tasks_task_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.search IS NULL
       OR (NEW.title, NEW.description, NEW.search) IS DISTINCT FROM (OLD.title, OLD.description, OLD.search) THEN
        NEW.search := tasks_search_vector(NEW.title, NEW.description);
    END IF;
    RETURN NEW;
END $$;

-- Its name has a w to come after stamp.sql's, which takes a new column of words for no change of the task.
CREATE OR REPLACE TRIGGER tasks_task_words BEFORE INSERT OR UPDATE ON tasks_task
    FOR EACH ROW EXECUTE FUNCTION tasks_task_search();
