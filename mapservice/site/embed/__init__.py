"""What pages of other sites show of ours in a frame: the pages, their code, oEmbed."""
