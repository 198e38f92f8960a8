-- PostgreSQL compresses a row of more than about 2,000 bytes, and moves what is still too long into another table, at every change of it. A job
-- with annotations, or with the owners of its fields, is often longer than that. Up to half a page a row now stays as it is, so that its next
-- version fits into the same page (HOT). Measured for a patch of jobs of 2,200 and 3,300 bytes: 2.8 and 3.1 kB of WAL in place of 4.9 and 6.1,
-- a quarter and a tenth less of PostgreSQL's CPU; of 5,200 bytes 4.3 kB in place of 6.4; of 10,700 bytes no difference. A row takes this form
-- when it is written next.
ALTER TABLE eventstore.mt_doc_current_job SET (toast_tuple_target = 4080);
