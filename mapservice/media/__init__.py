"""Photos of initiatives: made anew from what is sent, kept on a disk or in an S3 store, served."""
