-- What was there before the triggers that count it. They were made in this transaction, so nobody writes meanwhile.
DO $$
BEGIN
    EXECUTE rollup_append_sql(rollup_measured_sql('event', 'SELECT 1 AS sign, * FROM event'));
    EXECUTE rollup_append_sql(rollup_measured_sql('local_group', 'SELECT 1 AS sign, * FROM local_group'));
END
$$;
