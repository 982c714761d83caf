from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def front(request: HttpRequest) -> HttpResponse:
    return render(request, "front.html")


def up(request: HttpRequest) -> HttpResponse:
    return HttpResponse("up")


urlpatterns = [path("", front), path("up/", up)]
