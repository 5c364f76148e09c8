"""NMEA sentences: only a pair that both vouch for, with checksums, is a position."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.presence.nmea import Merger
from firmware_sim.gnss import sentence, sentences

AT = datetime(2026, 3, 1, 4, 5, 6, 200_000, UTC)
GGA, RMC = (line.encode() for line in sentences(AT, 31.2304, 121.4737, fix=True))


def fixes(*lines):
    merger = Merger()
    found = [merger.feed(line, at_us) for at_us, line in enumerate(lines)]
    return [fix for fix in found if fix], merger.refused


def test_pair_is_one_fix_in_either_order_stamped_by_its_second_sentence():
    """PTW-04"""
    for lines in ((GGA, RMC), (RMC, GGA)):
        [fix], _ = fixes(*lines)
        assert (fix.latitude, fix.longitude) == (pytest.approx(31.2304, abs=1e-6), pytest.approx(121.4737, abs=1e-6))
        assert (fix.quality, fix.satellites, fix.hdop, fix.at_us) == (1, 11, 0.9, 1)


def test_southern_and_western_halves_are_negative():
    [fix], _ = fixes(*(line.encode() for line in sentences(AT, -33.86, -70.5, fix=True)))
    assert (fix.latitude, fix.longitude) == (pytest.approx(-33.86, abs=1e-5), pytest.approx(-70.5, abs=1e-5))


def test_repeated_half_makes_no_second_fix():
    assert len(fixes(GGA, RMC, GGA, GGA)[0]) == 1


def test_halves_of_different_moments_make_no_fix():
    later = sentences(AT.replace(microsecond=400_000), 31.2304, 121.4737, fix=True)[1].encode()
    assert fixes(GGA, later)[0] == []


@pytest.mark.parametrize("bare", [0, 1])
def test_sentence_without_checksum_is_refused(bare):
    """PTW-04"""
    lines = [GGA, RMC]
    lines[bare] = lines[bare].partition(b"*")[0] + b"\r\n"
    found, refused = fixes(*lines)
    assert found == []
    assert refused.checksum == 1


@pytest.mark.parametrize(
    ("line", "part", "instead"),
    [
        (0, ",1,11,", ",0,11,"),  # no fix
        (0, ",1,11,", ",6,11,"),  # estimated
        (0, ",1,11,", ",7,11,"),  # typed in
        (0, ",1,11,", ",8,11,"),  # simulated
        (0, ",1,11,", ",,11,"),
        (0, ",1,11,", ",1,,"),
        (0, ",0.90,", ",,"),
        (0, ",0.90,", ",-1,"),
        (0, ",0.90,", ",nan,"),
        (0, "3113.8240,N", ",N"),
        (0, "3113.8240,N", "3113.8240,"),
        (0, "3113.8240,N", "9913.8240,N"),
        (0, "040506.20", ""),
        (1, ",A,3", ",V,3"),
        (1, ",,A", ",,N"),
        (1, ",,A", ",,E"),
        (1, ",,A", ",,S"),
        (1, "040506.20", "0405x6"),
    ],
)
def test_position_that_the_receiver_does_not_measure_is_refused(line, part, instead):
    """PTW-04, ANT-01"""
    lines = [GGA.decode(), RMC.decode()]
    body = lines[line].strip()[1:-3]
    assert part in body
    lines[line] = sentence(body.replace(part, instead))
    found, refused = fixes(*(text.encode() for text in lines))
    assert found == []
    assert refused.void == 1


def test_old_receiver_without_a_mode_letter_is_accepted():
    old = sentence(RMC.decode().strip()[1:-3].removesuffix(",,A")).encode()
    assert len(fixes(GGA, old)[0]) == 1


def test_other_sentences_are_passed_over():
    other = sentence("GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1").encode()
    found, refused = fixes(other, GGA, other, RMC)
    assert len(found) == 1
    assert (refused.checksum, refused.void, refused.unreadable) == (0, 0, 0)


@given(st.lists(st.one_of(st.binary(max_size=200), st.integers(0, 90).map(lambda n: sentence(GGA.decode()[1:n]).encode())), max_size=8))
def test_noise_and_cut_sentences_never_make_a_fix_or_an_error(lines):
    assert fixes(*lines)[0] == []


@pytest.mark.parametrize("noise", [b"\x00", b"\x1c", b"\x1d\r\n", b"\x7f", b"\x85", b"\xff"])
def test_a_sentence_with_anything_behind_its_checksum_is_no_sentence(noise):
    """PTW-04: a text library takes the separators of ASCII for blanks at the end of a line."""
    found, refused = fixes(GGA.strip() + noise, RMC)
    assert (found, refused.unreadable) == ([], 1)
    assert len(fixes(GGA.strip() + b" \r\n", RMC)[0]) == 1


@given(st.integers(1, 60), st.integers(0, 6))
def test_one_wrong_bit_makes_no_fix(place, bit):
    """PTW-04"""
    broken = bytearray(GGA)
    broken[place] ^= 1 << bit
    assert fixes(bytes(broken), RMC)[0] == []
