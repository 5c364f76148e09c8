"""Administration of people's addresses."""

from django.contrib import admin

from cloud_bridge.notify.models import Reach


@admin.register(Reach)
class ReachAdmin(admin.ModelAdmin):
    """Where people are reached."""

    list_display = ("user", "channel", "address", "position")
    list_filter = ("channel",)
    search_fields = ("user__username", "user__display_name")
