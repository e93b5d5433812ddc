-- Groups that come in with a data package: their page and licence where they are organised.
ALTER TABLE local_group
    ADD COLUMN source_url     text NOT NULL DEFAULT '' CHECK (length(source_url) <= 2000),
    ADD COLUMN source_licence text NOT NULL DEFAULT '' CHECK (length(source_licence) <= 300);
