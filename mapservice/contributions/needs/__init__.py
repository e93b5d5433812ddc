"""What an initiative asks people to come and do, and who comes."""
