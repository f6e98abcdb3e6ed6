"""The delivery of a run's elements to the browser."""

from __future__ import annotations

import asyncio

import streamlit as st
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx

LIMIT = 1.0  # seconds; the elements of a session that has lost its browser stay in the queue


def wait_until_sent() -> None:
    """Wait until all elements of this run have been sent to the browser; call it last in a run of the whole page.

    A fragment's run that starts right after the page's drops from the queue what has not been sent of the fragment,
    but not the message that the page's run has finished. The browser would remove the fragment's widgets and forget
    their values, until the fragment's run brings them back with the server's older values.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not st.runtime.exists():
        return
    session = st.runtime.get_instance().get_app_session(context.session_id)
    if not isinstance(session, AppSession):  # None without a connection; a mock under AppTest
        return
    if hasattr(session, "_event_loop") and hasattr(session, "_browser_queue"):  # private: a release may rename them
        # On the server's event loop, which puts elements into the queue in the order in which the run made them.
        asyncio.run_coroutine_threadsafe(_sent(session), session._event_loop).result()
    # Streamlit stops a run where that uses Streamlit. One that was told to stop while it waited, as for another page,
    # stops here: at a regular end it would drop the fragments of all other runs, and the new page would not answer.
    st.session_state.get("any key")


async def _sent(session: AppSession) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + LIMIT
    while not session._browser_queue.is_empty() and loop.time() < end:
        await asyncio.sleep(0.002)
