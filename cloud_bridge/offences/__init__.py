"""From a refused face to an offence: what a box saw is a hint; an offence is what a safety officer confirmed."""
