from harness.forecast.streams import stream


def test_purposes_do_not_disturb_one_another():
    arrivals = stream(1, "arrivals").random(5)
    tokens = stream(1, "tokens")
    tokens.random(1000)
    assert list(stream(1, "arrivals").random(5)) == list(arrivals)
    assert list(stream(1, "tokens").random(5)) != list(arrivals)
    assert list(stream(2, "arrivals").random(5)) != list(arrivals)
